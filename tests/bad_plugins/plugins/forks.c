/* Right, but it leaves a process behind that holds all of the probe's pipes. */
#include "right.h"
__attribute__((constructor)) static void leave_one_behind(void) {
  const char* path = getenv("HOSTLER_TEST_FORK");
  FILE* file;
  if (path == NULL || (file = fopen(path, "w")) == NULL) return;
  pid_t pid = fork();
  if (pid == 0) {
    sleep(60);
    _exit(0);
  }
  fprintf(file, "%d", (int)pid);
  fclose(file);
}
