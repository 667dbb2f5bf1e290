#include "proxy/doctor/identity.h"

#include <algorithm>
#include <iterator>

#include "protocol/denial.h"
#include "proxy/doctor/asking.h"
#include "proxy/doctor/contact.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::doctor {

namespace {

using subcommand::NodeClient;
using subcommand::Reply;

constexpr std::chrono::milliseconds kBriefly{1000};
constexpr std::size_t kMostQuoted = 60;

// How others answer a line that they do not understand.
struct Face {
  std::string_view beginning;
  std::string_view what;
};
constexpr Face kFaces[] = {{"HTTP/", "an HTTP server"}, {"<!DOCTYPE", "an HTTP server"},
                           {"<html", "an HTTP server"}, {"ERROR\r\n", "memcached, or a server like it"},
                           {"SSH-", "an SSH server"},   {"220", "a mail or FTP server"}};

std::string inQuotes(std::string_view text) {
  std::string out(text.substr(0, std::min(text.find_first_of("\r\n"), kMostQuoted)));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char byte) { return byte < 0x20 || byte > 0x7e; }, '?');
  return "\"" + out + "\"";
}

bool isReply(std::string_view bytes) {
  return !bytes.empty() && std::string_view("+-:$*").find(bytes.front()) != std::string_view::npos;
}

// An alert or a greeting of TLS.
bool isTls(std::string_view bytes) {
  return bytes.size() > 1 && (bytes[0] == '\x15' || bytes[0] == '\x16') && bytes[1] == '\x03';
}

std::string faceOf(std::string_view bytes) {
  const auto* const found = std::find_if(std::begin(kFaces), std::end(kFaces),
                                         [&](const Face& face) { return bytes.starts_with(face.beginning); });
  const std::string what = found == std::end(kFaces) ? "something else" : std::string(found->what);
  return what + " answers, and neither Redis nor Valkey: " + inQuotes(bytes);
}

// What it says to a PING, byte for byte.
std::string hear(const Node& node, const Asking& asking, bool tls) {
  subcommand::ByteStream stream;
  subcommand::ServerUrl url = urlOf(node.dialled, asking);
  url.tls = tls;
  std::string bytes;
  const auto options = connectOptions(asking);
  if (!stream.open(url, options.tls, subcommand::in(options.connectTimeout)).empty()) return bytes;
  if (stream.send("PING\r\n", subcommand::in(kBriefly)).empty())
    stream.receive(bytes, subcommand::in(kBriefly));
  return bytes;
}

bool speaksTls(const Node& node, const Asking& asking) {
  subcommand::ByteStream stream;
  subcommand::ServerUrl url = urlOf(node.dialled, asking);
  url.tls = true;
  auto files = connectOptions(asking).tls;
  files.verify = config::ClusterTlsVerify::Off;
  return stream.open(url, files, subcommand::in(kBriefly)).empty();
}

std::string_view modeOf(const Node& node) {
  const std::string_view mode = node.text(node.info, "redis_mode");
  return mode.empty() ? node.text(node.info, "server_mode") : mode;
}

void askWatched(NodeClient& client, Node& node) {
  const Reply masters = client.command({"SENTINEL", "MASTERS"});
  std::string names;
  for (const Reply& master : masters.items) {
    const Reply* const name = master.field("name");
    const Reply* const host = master.field("ip");
    const Reply* const port = master.field("port");
    if (name == nullptr || host == nullptr || port == nullptr) continue;
    node.watched.push_back({name->text, {host->text, static_cast<std::uint16_t>(port->number())}});
    names += (names.empty() ? "" : ", ") + name->text + " (" + node.watched.back().master.text() + ")";
  }
  fail(node, Contact::Sentinel, "it is a sentinel, which looks after " + (names.empty() ? "nobody" : names));
}

// Forbidden to this user, which only a server of that kind does; one that knows nothing of it is another.
bool isForbidden(const Reply& reply) {
  return reply.isError() && protocol::isDenial(reply.text) && reply.text.find("nknown") == std::string::npos;
}

std::string shown(const Reply& reply) {
  if (!reply.text.empty()) return inQuotes(reply.text);
  return reply.kind == Reply::Kind::Array ? "a list" : "nothing";
}

}  // namespace

void identify(NodeClient& client, Node& node, bool ofCluster) {
  const Reply info = client.command({"INFO"});
  if (info.isLost())
    return fail(node, Contact::NoAnswer, "it answers PING, but not INFO: " + withoutUrl(info.text, client));
  if (info.isError() && contactOf(info.text) != Contact::Odd) return fail(node, info.text);
  node.info = parseLines(textOf(info));
  if (modeOf(node) == "sentinel") return askWatched(client, node);
  if (!ofCluster && modeOf(node) == "cluster")
    return fail(node, Contact::OfCluster, "it is a node of a cluster, and upstream is not cluster");
  const bool known = node.info.contains("redis_version") || isForbidden(info);
  if (!ofCluster && known) return;
  const Reply nodes = client.command({"CLUSTER", "NODES"});
  if (nodes.isLost()) return fail(node, withoutUrl(nodes.text, client));
  const bool alone = nodes.isError() && contactOf(nodes.text) == Contact::NoCluster;
  node.peers = parsePeers(textOf(nodes));
  if (!known && !alone && node.peers.empty() && !isForbidden(nodes)) {
    return fail(node, Contact::NoServer,
                "something answers PING that is neither Redis nor Valkey: INFO with " + shown(info) +
                    ", CLUSTER NODES with " + shown(nodes));
  }
  if (!ofCluster) return;
  if (alone) return fail(node, nodes.text);
  node.cluster = parseLines(textOf(client.command({"CLUSTER", "INFO"})));
  const Peer* self = node.self();
  if (self == nullptr) return;
  node.id = self->id;
  node.busPort = self->busPort;
}

void lookCloser(Node& node, const Asking& asking) {
  if (node.contact == Contact::LoginUnwanted) {
    // Sentinels mostly have no password. It is not told the servers' again.
    subcommand::ServerUrl url = urlOf(node.dialled, asking);
    url.username.clear();
    url.password.clear();
    NodeClient client(url, connectOptions(asking));
    const Reply info = client.command({"INFO", "server"});
    Node seen;
    seen.info = parseLines(textOf(info));
    if (modeOf(seen) == "sentinel") askWatched(client, node);
    return;
  }
  const bool tls = asking.config.clusterTls;
  const bool silent = node.problem.find("no answer") != std::string::npos;
  if (node.contact == Contact::NoTls || (tls && node.contact == Contact::NoAnswer)) {
    const std::string plain = hear(node, asking, false);
    if (isReply(plain)) return fail(node, Contact::NoTls, "it answers without TLS, and not with it");
    if (!plain.empty() && !isTls(plain)) fail(node, Contact::NoServer, faceOf(plain));
    return;
  }
  if (silent || (node.contact != Contact::Odd && node.contact != Contact::NoAnswer)) return;
  const std::string bytes = hear(node, asking, tls);
  if (isReply(bytes)) return;
  if (!bytes.empty() && !isTls(bytes)) return fail(node, Contact::NoServer, faceOf(bytes));
  if (!tls && speaksTls(node, asking)) fail(node, Contact::WantsTls, "it speaks TLS only");
}

}  // namespace slotless::doctor
