#include "proxy/session/redirection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/worker_poll.h"

namespace slotless::session {

namespace {

constexpr std::string_view kPush = ">2\r\n$10\r\ninvalidate\r\n";
constexpr std::string_view kMessage = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

Client* clientOf(const Services& services, std::uint64_t id) {
  const auto found = services.clients.find(id);
  const bool there = found != services.clients.end() && found->second->state() != ClientState::Closed;
  return there ? found->second.get() : nullptr;
}

// False: it has left.
bool tell(const Services& services, std::uint64_t id, std::string_view keys) {
  Client* client = clientOf(services, id);
  if (client == nullptr) return false;
  const bool resp3 = client->protocol >= 3;
  if (!resp3 && !client->conversation().subscribed()) return true;
  std::string bytes(resp3 ? kPush : kMessage);
  bytes += !keys.empty() ? keys : resp3 ? "_\r\n" : "$-1\r\n";
  client->push(bytes.front(), bytes);
  return true;
}

void tellBroken(const Services& services, std::uint64_t from, std::uint64_t target) {
  Client* client = clientOf(services, from);
  if (client == nullptr || client->conversation().tracking() == nullptr) return;
  client->conversation().tracking()->onRedirectBroken(target);
}

}  // namespace

bool hasClient(const Services& services, std::uint64_t id) {
  return clientOf(services, id) != nullptr;
}

void findTarget(Services& services, std::uint64_t client, TargetFound found) {
  askWorkers<char>(
      services,
      [client](Services& there, std::size_t) { return static_cast<char>(hasClient(there, client)); },
      [client, found = std::move(found)](const std::vector<char>& answers) {
        const auto holder = std::find(answers.begin(), answers.end(), 1);
        if (holder == answers.end()) return found(std::nullopt);
        found(RedirectTarget{client, static_cast<std::size_t>(holder - answers.begin())});
      });
}

void Redirections::redirectInvalidation(std::uint64_t from, const RedirectTarget& target,
                                        std::string_view keys) {
  Services& services = services_;
  if (!target.worker) {
    if (!tell(services, target.client, keys)) tellBroken(services, from, target.client);
    return;
  }
  Services* home = &services;
  net::Loop* mailbox = &services.host.loop;
  services.control.tellWorkers(
      [home, mailbox, from, target, keys = std::string(keys)](Services& there, std::size_t worker) {
        if (worker != *target.worker) return;
        if (tell(there, target.client, keys)) return;
        mailbox->post([home, from, target] {
          home->host.touch();
          tellBroken(*home, from, target.client);
        });
      });
}

}  // namespace slotless::session
