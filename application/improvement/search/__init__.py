"""The offline author: parameters and changed rules, tried out before the split."""
