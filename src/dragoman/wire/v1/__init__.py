"""KServe V1's predict and explain, which Deeploy's deployments speak too."""
