// CONFIG SET requirepass: as in Redis the password of the default user, which is the proxy's and not the
// nodes'. Clients that are there stay.
//
// With users it changes the default user as ACL SETUSER would; without, what clients have to present
// (client-password, client-auth).
#pragma once
#include <string>
#include <string_view>

#include "proxy/session/setting_pairs.h"

namespace slotless::session {

struct Services;

inline constexpr std::string_view kPasswordSetting = "requirepass";

struct PasswordChange {
  SettingPairs options;  // of the configuration
  bool ofUser = false;   // changeDefaultPassword() makes it
  std::string refusal;   // why it is not done, or empty
};

// `password`: empty means that none is needed.
PasswordChange passwordChange(const Services& services, std::string_view password);
// Of one worker, before the options change: who needed no password to come in stays in.
void keepClientsIn(Services& services);
// Of the default user, for all workers.
void changeDefaultPassword(Services& services, std::string_view password);

// For CONFIG GET: that there is one is all that anybody needs to know.
std::string passwordText(const Services& services);

}  // namespace slotless::session
