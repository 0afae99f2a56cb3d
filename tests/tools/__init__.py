"""What several tests need and no product does: a real server, outside programs, tables of the documents."""
