#include "config/process_inputs.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>

#include "config/parser_trial.h"

namespace slotless::config {

namespace {

constexpr std::size_t kLongestFile = kMiB;

Environment processEnvironment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace

FileText readFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return {{}, std::strerror(errno)};
  std::string text;
  std::array<char, 4096> chunk{};
  while (const std::size_t length = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    text.append(chunk.data(), length);
    if (text.size() > kLongestFile) return {{}, "the file is larger than 1 MiB"};
  }
  if (std::ferror(file.get()) != 0) return {{}, std::strerror(errno)};
  return {std::move(text), ""};
}

Inputs processInputs(int argc, const char* const* argv) {
  Inputs inputs;
  inputs.arguments.assign(argv + std::min(argc, 1), argv + argc);
  inputs.environment = processEnvironment();
  // What slotless migrate is told so may stand in the same shell, and is not the daemon's.
  std::erase_if(inputs.environment,
                [](const auto& variable) { return variable.first.starts_with("SLOTLESS_MIGRATE_"); });
  inputs.readFile = readFile;
  inputs.tryParser = [](const std::string& text) { return tryParser(text); };
  inputs.cpuCount = std::max(1U, std::thread::hardware_concurrency());
  return inputs;
}

}  // namespace slotless::config
