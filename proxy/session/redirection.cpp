#include "proxy/session/redirection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/node_user.h"
#include "proxy/session/node_users.h"
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

bool isOf(const Client& client, const RedirectingUser& user) {
  if (user.reachesAll) return true;
  if (client.account() != nullptr) return client.account()->user().name == user.name;
  return client.nodeUser() != nullptr && client.nodeUser()->name == user.name;
}

// False: it has left, or is another user's by now.
bool tell(const Services& services, std::uint64_t id, const RedirectingUser& user, std::string_view keys) {
  Client* client = clientOf(services, id);
  if (client == nullptr || !isOf(*client, user)) return false;
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

RedirectingUser redirectingUser(const Client& client, const Services& services) {
  if (client.account() != nullptr)
    return {client.account()->administers(), std::string(client.account()->user().name)};
  if (client.nodeUser() != nullptr) return {false, std::string(client.nodeUser()->name)};
  return {!services.accounts.on() && !services.nodeUsers.on(), {}};
}

bool canTell(const Services& services, std::uint64_t id, const RedirectingUser& user) {
  const Client* client = clientOf(services, id);
  return client != nullptr && isOf(*client, user);
}

void findTarget(Services& services, std::uint64_t client, const RedirectingUser& user, TargetFound found) {
  askWorkers<char>(
      services,
      [client, user](Services& there, std::size_t) {
        return static_cast<char>(canTell(there, client, user));
      },
      [client, found = std::move(found)](const std::vector<char>& answers) {
        const auto holder = std::find(answers.begin(), answers.end(), 1);
        if (holder == answers.end()) return found(std::nullopt);
        found(RedirectTarget{client, static_cast<std::size_t>(holder - answers.begin())});
      });
}

void Redirections::redirectInvalidation(std::uint64_t from, const RedirectTarget& target,
                                        std::string_view keys) {
  Services& services = services_;
  const Client* asking = clientOf(services, from);
  if (asking == nullptr) return;
  RedirectingUser user = redirectingUser(*asking, services);
  if (!target.worker) {
    if (!tell(services, target.client, user, keys)) tellBroken(services, from, target.client);
    return;
  }
  Services* home = &services;
  net::Loop* mailbox = &services.host.loop;
  services.control.tellWorkers([home, mailbox, from, target, user = std::move(user),
                                keys = std::string(keys)](Services& there, std::size_t worker) {
    if (worker != *target.worker) return;
    if (tell(there, target.client, user, keys)) return;
    mailbox->post([home, from, target] {
      home->host.touch();
      tellBroken(*home, from, target.client);
    });
  });
}

}  // namespace slotless::session
