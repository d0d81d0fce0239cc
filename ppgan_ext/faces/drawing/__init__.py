"""Drawing a head by rules: flat tones, lines along the flow, eyes, nose and mouth as shapes."""
