#include "proxy/doctor/asking.h"

#include <utility>

#include "proxy/doctor/contact.h"

namespace slotless::doctor {

using subcommand::Reply;

subcommand::ServerUrl urlOf(const net::Address& address, const Asking& asking) {
  const config::Config& config = asking.config;
  return {address.host, address.port, config.clusterTls, config.username, config.password, 0};
}

subcommand::ConnectOptions connectOptions(const Asking& asking) {
  subcommand::ConnectOptions options;
  options.tls = subcommand::TlsFiles::of(asking.config);
  options.connectTimeout = asking.options.connectTimeout;
  options.replyTimeout = asking.options.replyTimeout;
  options.clientName = "slotless-doctor";
  return options;
}

std::string withoutUrl(const std::string& error, const subcommand::NodeClient& client) {
  const std::string url = client.url().shown() + ": ";
  return error.starts_with(url) ? error.substr(url.size()) : error;
}

std::string textOf(const Reply& reply) {
  return reply.kind == Reply::Kind::Text || reply.kind == Reply::Kind::Status ? reply.text : std::string();
}

void fail(Node& node, const std::string& problem) {
  fail(node, contactOf(problem), problem);
}

void fail(Node& node, Contact contact, std::string problem) {
  node.contact = contact;
  node.problem = std::move(problem);
}

}  // namespace slotless::doctor
