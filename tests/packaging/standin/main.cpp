#include <uv.h>

#include <cstdio>

namespace {

// A path of the sources in what is compiled, as assertions have it.
int complain() {
  return std::fprintf(stderr, "%s: %s\n", __FILE__, uv_version_string());
}

}  // namespace

int main() {
  return complain() > 0 ? 0 : 1;
}
