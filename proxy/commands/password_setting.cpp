#include "proxy/commands/password_setting.h"

#include <optional>

#include "protocol/secrets.h"
#include "proxy/access/digest.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"

namespace slotless::session {

namespace {

constexpr std::string_view kNodesJudge =
    "with client-auth passthrough passwords are the nodes': use ACL SETUSER";

bool isNeeded(const Services& services) {
  if (!services.accounts.on()) return requiresAuthentication(services.config);
  const access::Permission* standard = services.accounts.find(access::kDefaultUser);
  return standard != nullptr && !standard->user().passwords.empty();
}

}  // namespace

PasswordChange passwordChange(const Services& services, std::string_view password) {
  PasswordChange change;
  if (services.config.passesThrough()) {
    change.refusal = kNodesJudge;
  } else if (services.accounts.on()) {
    change.ofUser = true;
  } else {
    // Without a password of their own clients would have to present the one for the nodes.
    change.options.emplace_back("client-auth", password.empty() ? "none" : "same");
    change.options.emplace_back("client-password", password);
  }
  return change;
}

void keepClientsIn(Services& services) {
  if (services.loginRequired) return;
  for (const auto& [id, client] : services.clients) client->logIn();
}

void changeDefaultPassword(Services& services, std::string_view password) {
  services.control.roster().change([&](access::Users& users) -> std::optional<std::string> {
    access::User user;
    user.name = access::kDefaultUser;
    if (const access::UserPtr known = findUser(users, access::kDefaultUser)) user = *known;
    user.passwords.clear();
    user.withoutPassword = password.empty();
    if (!password.empty()) user.passwords.push_back(access::digestOf(password));
    users[user.name] = std::make_shared<const access::User>(user);
    return std::nullopt;
  });
  services.control.tellWorkers([](Services& there, std::size_t) {
    there.host.touch();
    there.accounts.refresh();
  });
}

std::string passwordText(const Services& services) {
  return std::string(isNeeded(services) ? protocol::kRedacted : std::string_view{});
}

}  // namespace slotless::session
