// Has something for each kind of hardening to show in: see CMakeLists.txt.
#include <cstdio>
#include <cstring>
#include <vector>

// Functions that others could call have landing pads.
std::size_t nameLength(const char* name, int most);
int pick(const std::vector<int>& numbers, std::size_t index);

std::size_t nameLength(const char* name, int most) {
  char buffer[64];
  std::snprintf(buffer, static_cast<std::size_t>(most), "%s", name);
  std::strcpy(buffer, name);
  return static_cast<std::size_t>(buffer[0]);
}

int pick(const std::vector<int>& numbers, std::size_t index) {
  return numbers[index];
}

int main(int argc, char** argv) {
  const std::vector<int> numbers(static_cast<std::size_t>(argc), argc);
  return pick(numbers, nameLength(argv[0], argc));
}
