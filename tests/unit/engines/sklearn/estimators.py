"""Fitted estimators: of a matrix, of named columns, of columns of which one is text."""

from typing import Any

import numpy as np
import pandas
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PEOPLE = pandas.DataFrame(
    {
        "age": [22.0, 38.0, 26.0, 35.0],
        "sex": ["male", "female", "female", "male"],
        "fare": [7.2, 71.0, 7.9, 8.0],
    }
)
SURVIVED = np.array(["no", "yes", "yes", "no"])
REVIEWS = ["good soup", "bad soup", "good bread, good butter", "bad é"]
STARS = np.array(["five", "one", "five", "one"])


def iris() -> Any:
    """A classifier of a matrix."""
    x, y = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)


def diabetes() -> Any:
    """A regressor of columns, which it knows by name."""
    x, y = load_diabetes(return_X_y=True, as_frame=True)
    return LinearRegression().fit(x, y)


def people() -> Any:
    """A classifier of two columns of numbers and one of text, whose classes are text, too."""
    encoder = ColumnTransformer(
        [("numbers", StandardScaler(), ["age", "fare"]), ("texts", OneHotEncoder(), ["sex"])]
    )
    return make_pipeline(encoder, LogisticRegression()).fit(PEOPLE, SURVIVED)


def reviews() -> Any:
    """A classifier of texts."""
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(REVIEWS, STARS)
