"""The classical methods that nets are compared with: fixed features and linear classifiers, fitted in the same run."""
