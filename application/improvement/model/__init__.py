"""Authors that ask a language model: what is asked, what it may cost, what is made of answers."""
