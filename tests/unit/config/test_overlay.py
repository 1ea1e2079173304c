"""Several sources of settings, one over the other."""

from dragoman.config.overlay import Layer, Override, merge


def layer(tree, origin):
    return Layer(tree, {"": origin})


def test_mappings_are_joined_key_by_key_and_the_stronger_value_wins():
    weak = layer({"limits": {"body_bytes": 1, "connections": 2}}, "weak")
    strong = layer({"limits": {"body_bytes": 3}, "log": {"level": "debug"}}, "strong")
    merged = merge([weak, strong], [])
    assert merged.tree == {"limits": {"body_bytes": 3, "connections": 2}, "log": {"level": "debug"}}
    assert merged.origins == {
        "limits.body_bytes": "strong",
        "limits.connections": "weak",
        "log.level": "strong",
    }


def test_a_list_replaces_a_list():
    merged = merge([layer({"repository": ["a", "b"]}, "weak"), layer({"repository": ["c"]}, "strong")], [])
    assert merged.tree == {"repository": ["c"]}


def test_named_entries_are_joined_by_name_and_new_ones_follow():
    weak = layer(
        {"models": [{"name": "a", "path": "x", "labels": {"s": 1}}, {"name": "b", "path": "y"}]}, "weak"
    )
    strong = layer({"models": [{"name": "c", "path": "z"}, {"name": "a", "labels": {"t": 2}}]}, "strong")
    merged = merge([weak, strong], [])
    assert merged.tree["models"] == [
        {"name": "a", "path": "x", "labels": {"t": 2}},
        {"name": "b", "path": "y"},
        {"name": "c", "path": "z"},
    ]
    assert merged.origins["models[0].path"] == "weak"
    assert merged.origins["models[0].labels.t"] == "strong"


def test_entries_without_a_name_stay_apart():
    tree = {"listeners": [{"port": 1}]}
    assert merge([layer(tree, "weak"), layer(tree, "strong")], []).tree == {
        "listeners": [{"port": 1}, {"port": 1}]
    }


def test_a_value_comes_from_the_nearest_key_that_says_where():
    origins = {"": "file", "models[1]": "file:7", "models[1].path": "file:9"}
    tree = {"models": [{"name": "a", "path": "x"}, {"name": "b", "path": "y"}]}
    assert merge([Layer(tree, origins)], []).origins == {
        "models[0].name": "file",
        "models[0].path": "file",
        "models[1].name": "file:7",
        "models[1].path": "file:9",
    }


def test_a_single_value_wins_over_every_layer():
    merged = merge(
        [layer({"log": {"level": "info", "format": "json"}}, "file")],
        [Override("log.level", "debug", "flag")],
    )
    assert merged.tree == {"log": {"level": "debug", "format": "json"}}
    assert merged.origins["log.level"] == "flag"


def test_a_single_value_makes_its_section():
    assert merge([], [Override("log.level", "debug", "flag")]).tree == {"log": {"level": "debug"}}


def test_a_value_of_all_listeners_is_set_in_each():
    tree = {"listeners": [{"port": 1}, {"transport": "grpc", "host": "x"}]}
    merged = merge([layer(tree, "file")], [Override("host", "h", "flag", "*")])
    assert [listener["host"] for listener in merged.tree["listeners"]] == ["h", "h"]


def test_a_value_of_a_transport_is_set_in_its_first_listener():
    tree = {"listeners": [{"transport": "grpc", "port": 1}, {"port": 2}, {"transport": "http", "port": 3}]}
    merged = merge([layer(tree, "file")], [Override("port", 9, "flag", "http")])
    assert [listener["port"] for listener in merged.tree["listeners"]] == [1, 9, 3]


def test_a_listener_that_is_asked_for_and_not_there_is_added():
    merged = merge([layer({"listeners": [{"port": 2}]}, "file")], [Override("port", 9, "flag", "grpc")])
    assert merged.tree["listeners"] == [{"port": 2}, {"transport": "grpc", "port": 9}]


def test_a_value_of_listeners_that_no_file_has_is_set_in_the_usual_ones():
    merged = merge([], [Override("port", 9, "flag", "http")])
    assert [(one["transport"], one["port"]) for one in merged.tree["listeners"]] == [
        ("http", 9),
        ("grpc", 8001),
    ]
    assert merged.origins["listeners[0].port"] == "flag"
    assert merged.origins["listeners[1].port"] == "default"


def test_the_entries_of_every_list_of_mappings_keep_where_they_come_from():
    tree = {"pipelines": [{"name": "p", "nodes": [{"name": "a"}, {"name": "b"}], "inputs": ["x"]}]}
    origins = {"pipelines": "file:1", "pipelines[0].nodes[1].name": "file:4"}
    merged = merge([Layer(tree, origins)], [])
    assert merged.tree == tree
    assert merged.origins == {
        "pipelines[0].name": "file:1",
        "pipelines[0].nodes[0].name": "file:1",
        "pipelines[0].nodes[1].name": "file:4",
        "pipelines[0].inputs": "file:1",
    }
