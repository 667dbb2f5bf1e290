// Texts <-> listeners: an address, and after a question mark the options that are different for its clients,
// as in `127.0.0.1:7380?read-from=replica` (further ones after `&`).
//
// Their names and values are those of the schema, so that whatever an option means, it means the same here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

Parsed<Listener> parseListen(std::string_view text);
std::string formatListen(const Listener& listener);
// The same of admin-listen, which has other options.
Parsed<AdminAddress> parseAdminListen(std::string_view text);
std::string formatAdminListen(const AdminAddress& address);

// Whether its clients are served by TLS. Unix sockets are not, unless they say so.
bool usesTls(const Config& config, const Listener& listener);
// Whether the admin pages are; `tls` is about clients alone.
bool adminUsesTls(const Config& config);
// Whether those who ask for admin pages present certificates.
TlsAuthClients adminAuthClients(const Config& config);

// Of the same address: options that take effect without a restart.
void takeReloadable(const Listener& loaded, Listener& inForce);

// An option's value for the clients of one listener.
template <class Value>
const Value& effective(const std::optional<Value>& here, const Value& everywhere) {
  return here ? *here : everywhere;
}

// How they are written: for the reference, where the options say that a listener may have its own.
std::string listenerOptionsText();
std::string adminOptionsText();

}  // namespace slotless::config
