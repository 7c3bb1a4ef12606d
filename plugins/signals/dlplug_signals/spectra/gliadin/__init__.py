"""Generated electrophoresis of gliadin, the protein by which varieties of wheat are told apart."""
