/* Two programs that take the place of a new version and do not serve: one ends (-DENDS), the other never does. */
#include <windows.h>

int main(void) {
#ifndef ENDS
  Sleep(INFINITE);
#endif
  return 7;
}
