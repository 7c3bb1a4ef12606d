"""Small, fast gymnasium environments with NumPy vector versions."""
