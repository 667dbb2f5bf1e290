// A configuration file. The daemon lets a child process try the parser first (config/parser_trial.h), since
// the library gives up on some texts; such texts are not what is looked for here.
#include <variant>

#include "config/load.h"
#include "target.h"

namespace {

// Nested deeper than the library's stack bears, or than anybody writes.
bool isBeyondTheLibrary(std::string_view text) {
  std::size_t depth = 0;
  for (const char c : text) depth += c == '[' || c == '{' || c == '-' || c == '?' || c == ':' ? 1 : 0;
  return depth > 200;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotless;
  const std::string text(fuzz::textOf(data, size));
  if (isBeyondTheLibrary(text)) return 0;
  config::Inputs inputs;
  inputs.arguments = {"--config", "file"};
  inputs.readFile = [&](const std::string& path) {
    return path == "file" ? config::FileText{text, ""} : config::FileText{{}, "No such file or directory"};
  };
  const config::LoadResult loaded = config::load(inputs);
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    fuzz::require(!errors->empty(), "what is wrong is said");
    for (const config::Error& error : *errors) fuzz::require(!error.text().empty(), "what is wrong is said");
  }
  return 0;
}
