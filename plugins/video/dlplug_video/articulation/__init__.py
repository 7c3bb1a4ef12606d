"""Words recognised from the movements of tongue, lips and jaw."""
