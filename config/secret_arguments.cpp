#include "config/secret_arguments.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "config/schema.h"

namespace slotless::config {

namespace {

bool holdsSecret(const Option& option, std::string_view value) {
  return option.isSecret() || (option.kind == Kind::Nodes && value.find('@') != std::string_view::npos);
}

}  // namespace

void hideSecretArguments(int argc, char** argv) noexcept {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (!word.starts_with("--")) continue;
    word.remove_prefix(2);
    const std::size_t equals = word.find('=');
    const Option* option = findOption(word.substr(0, equals));
    if (option == nullptr) continue;
    char* value = nullptr;
    if (equals != std::string_view::npos) {
      value = argv[i] + 2 + equals + 1;
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    if (value != nullptr && holdsSecret(*option, value)) std::fill_n(value, std::strlen(value), 'x');
  }
}

}  // namespace slotless::config
