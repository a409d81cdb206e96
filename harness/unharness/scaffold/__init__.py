"""New plugins: small packages that work at once, written from templates."""
