/** Checks of the showcase. */
