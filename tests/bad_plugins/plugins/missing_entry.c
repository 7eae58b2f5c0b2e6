/* A shared library that is no plugin. */
int some_function(void);
int some_function(void) { return 0; }
