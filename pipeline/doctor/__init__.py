"""Doctor: learns a gateway's dialect with a few cheap calls and lays it beside the catalog."""
