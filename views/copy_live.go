package views

// What is said about a page that follows what happens.
const (
	copyUpdated   = "This page shows the latest state."
	copyNewsTitle = "Something has changed meanwhile"
	copyNewsText  = "What you have opened or entered here stays until you look."
	copyNewsShow  = "Show what has changed"
)
