/* The library that missing_dependency.c needs, and that is nowhere to be found when it is loaded. */
int gone(void);
int gone(void) { return 1; }
