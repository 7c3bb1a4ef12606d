"""Gradients of expectations over discrete random variables: estimators, their bias and variance, and RELAX for
policies."""
