#include "proxy/doctor/sentinel_probe.h"

#include "proxy/doctor/asking.h"
#include "proxy/doctor/contact.h"
#include "proxy/doctor/machine_probe.h"

namespace slotless::doctor {

namespace {

using subcommand::NodeClient;
using subcommand::Reply;

std::string namesAt(NodeClient& client) {
  std::string names;
  const Reply masters = client.command({"SENTINEL", "MASTERS"});
  for (const Reply& master : masters.items) {
    if (const Reply* name = master.field("name")) names += (names.empty() ? "" : ", ") + name->text;
  }
  return names.empty() ? "none" : names;
}

std::string openAs(NodeClient& client, const subcommand::ServerUrl& login, const Asking& asking) {
  const std::string error = client.open();
  if (contactOf(error) != Contact::LoginMissing || login.password.empty()) return error;
  client = NodeClient(login, connectOptions(asking));
  return client.open();
}

}  // namespace

void askSentinel(Node& sentinel, const Asking& asking) {
  std::string error;
  if (resolve(sentinel.dialled.host, error).empty()) return fail(sentinel, Contact::NoSuchName, error);
  const subcommand::ServerUrl login = urlOf(sentinel.dialled, asking);
  subcommand::ServerUrl url = login;
  url.username.clear();
  url.password.clear();
  NodeClient client(url, connectOptions(asking));
  error = openAs(client, login, asking);
  if (!error.empty()) return fail(sentinel, withoutUrl(error, client));
  const std::string& name = asking.config.sentinelName;
  const Reply address = client.command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name});
  if (address.isLost()) return fail(sentinel, withoutUrl(address.text, client));
  if (address.kind == Reply::Kind::Array && address.items.size() == 2) {
    const auto port = static_cast<std::uint16_t>(address.items[1].number());
    sentinel.watched = {{name, {address.items[0].text, port}}};
    sentinel.contact = Contact::Good;
  } else if (address.isError()) {
    fail(sentinel, Contact::NoServer, "it is no sentinel: " + address.text);
  } else {
    fail(sentinel, Contact::Sentinel, "it knows no server by the name " + name + ", but " + namesAt(client));
  }
}

}  // namespace slotless::doctor
