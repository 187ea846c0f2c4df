"""What an action sends: templates, rendered once and frozen with holes where secrets go."""
