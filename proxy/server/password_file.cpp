#include "proxy/server/password_file.h"

#include <utility>

#include "config/password_text.h"
#include "proxy/telemetry/log.h"

namespace slotless::server {

PasswordFile::PasswordFile(net::Loop& loop, const std::string& path, std::string_view option,
                           std::function<void(const std::string& password)> found, net::Millis interval)
    : path_(path),
      option_(option),
      found_(std::move(found)),
      watch_(
          loop, path, [this](const net::FileContent& content) { onContent(content); }, interval) {}

void PasswordFile::onContent(const net::FileContent& content) {
  config::Parsed<std::string> password;
  if (content.text) password = config::passwordIn(*content.text);
  const std::string problem = !content.text ? content.error : password.value ? "" : password.reason;
  const bool isNew = problem != std::exchange(problem_, problem);
  if (!problem.empty()) {
    if (isNew)
      log::always(log::Level::Error, "password file of no use, the password stays as it was",
                  {{"option", option_}, {"file", path_}, {"error", problem}});
    return;
  }
  if (isNew)
    log::always(log::Level::Info, "password file can be used again", {{"option", option_}, {"file", path_}});
  found_(*password.value);
}

}  // namespace slotless::server
