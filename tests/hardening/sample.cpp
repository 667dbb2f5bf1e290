// Has something for each kind of hardening to show in: see CMakeLists.txt.
#include <cstdio>
#include <cstring>
#include <vector>

int main(int argc, char** argv) {
  char buffer[64];
  std::vector<int> numbers(static_cast<std::size_t>(argc), argc);
  std::snprintf(buffer, static_cast<std::size_t>(argc) + 1, "%s", argv[0]);
  std::strcpy(buffer, argv[argc - 1]);
  return numbers[static_cast<std::size_t>(buffer[0])];
}
