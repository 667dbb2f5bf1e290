#include "proxy/migrate/announcement.h"

#include <algorithm>

#include "config/listener.h"

namespace slotless::migrate {

namespace {

constexpr std::string_view kConsoles = "console=";
constexpr std::string_view kAnyAddress = "//*:";
// An announcement is small, and each of them may have to be tried.
constexpr std::size_t kMostConsoles = 8;

}  // namespace

std::vector<std::string> consolesOf(const config::Config& config) {
  std::vector<std::string> consoles;
  for (const config::Listener& each : config.listen) {
    const bool isBehindAnother = config::effective(each.options.proxyProtocol, config.proxyProtocol);
    if (each.isUnix() || each.port == 0 || isBehindAnother || consoles.size() == kMostConsoles) continue;
    const bool v6 = each.host.find(':') != std::string::npos;
    const std::string host = each.host.empty() ? "*" : v6 ? "[" + each.host + "]" : each.host;
    consoles.push_back((config::usesTls(config, each) ? "rediss://" : "redis://") + host + ":" +
                       std::to_string(each.port));
  }
  return consoles;
}

std::string written(const Announcement& announcement, const std::string& address) {
  const bool v6 = address.find(':') != std::string::npos;
  std::string text;
  for (std::string console : announcement.consoles) {
    if (const std::size_t at = console.find(kAnyAddress); at != std::string::npos) {
      if (address.empty()) continue;
      console.replace(at + 2, 1, v6 ? "[" + address + "]" : address);
    }
    text += (text.empty() ? std::string(kConsoles) : ",") + console;
  }
  return text.empty() ? announcement.where : text + " " + announcement.where;
}

Announcement readAnnouncement(std::string_view text) {
  if (!text.starts_with(kConsoles)) return {std::string(text)};
  const std::size_t end = std::min(text.find(' '), text.size());
  std::string_view consoles = text.substr(kConsoles.size(), end - kConsoles.size());
  Announcement found{std::string(text.substr(std::min(end + 1, text.size())))};
  while (!consoles.empty() && found.consoles.size() < kMostConsoles) {
    const std::string_view each = consoles.substr(0, consoles.find(','));
    consoles.remove_prefix(std::min(each.size() + 1, consoles.size()));
    if (!each.empty()) found.consoles.emplace_back(each);
  }
  return found;
}

}  // namespace slotless::migrate
