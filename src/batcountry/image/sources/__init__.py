"""What pictures come from: files of formats that are on a list, addresses on the web, and numbers of light."""
