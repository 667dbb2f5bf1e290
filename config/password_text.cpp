#include "config/password_text.h"

#include "config/schema.h"
#include "config/value.h"

namespace slotless::config {

Parsed<std::string> passwordIn(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return {{}, "the password in it is empty"};
  Config config;
  if (assign(*findOption("password"), text, Assign::Replace, config))
    return {{}, "it has more than one line, or one that is too long"};
  return {std::move(config.password), ""};
}

}  // namespace slotless::config
