#include "proxy/page/status_site.h"

#include <algorithm>
#include <array>
#include <optional>

#include "assets/charts_js.h"
#include "assets/icon_svg.h"
#include "assets/page_css.h"
#include "assets/page_html.h"
#include "assets/page_js.h"
#include "proxy/page/actions.h"
#include "proxy/page/documents.h"
#include "proxy/page/json.h"
#include "proxy/telemetry/log.h"

namespace slotless::page {

namespace {

using telemetry::AdminRequest;
using telemetry::AdminResponse;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kApi = "/api/v1/";
constexpr std::string_view kActionPath = "/api/v1/actions/";
constexpr std::size_t kLongestMatch = 100;

struct Asset {
  std::string_view path;
  std::string_view contentType;
  std::string_view text;
};
constexpr std::array kAssets = {Asset{"/", "text/html; charset=utf-8", kPageHtml},
                                Asset{"/page.css", "text/css; charset=utf-8", kPageCss},
                                Asset{"/page.js", "text/javascript; charset=utf-8", kPageScript},
                                Asset{"/charts.js", "text/javascript; charset=utf-8", kChartsScript},
                                Asset{"/icon.svg", "image/svg+xml", kIcon}};

std::string percentDecoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return percentDecoded(pair.substr(name.size() + 1));
  }
  return {};
}

struct Document {
  std::string_view name;
  std::string (*make)(PageSources&, const AdminRequest&);
};

template <std::string (*kMake)(PageSources&)>
std::string plain(PageSources& sources, const AdminRequest&) {
  return kMake(sources);
}

std::string matchingClients(PageSources& sources, const AdminRequest& request) {
  return clientsDocument(sources, parameter(request.query, "match").substr(0, kLongestMatch));
}

constexpr std::array kDocuments = {Document{"health.json", plain<healthDocument>},
                                   Document{"topology.json", plain<topologyDocument>},
                                   Document{"nodes.json", plain<nodesDocument>},
                                   Document{"clients.json", matchingClients},
                                   Document{"traffic.json", plain<trafficDocument>},
                                   Document{"databases.json", plain<databasesDocument>},
                                   Document{"slowlog.json", plain<slowLogDocument>},
                                   Document{"hotkeys.json", plain<hotKeysDocument>},
                                   Document{"migration.json", plain<migrationDocument>},
                                   Document{"peers.json", plain<peersDocument>},
                                   Document{"events.json", plain<eventsDocument>},
                                   Document{"limits.json", plain<limitsDocument>},
                                   Document{"certificates.json", plain<certificatesDocument>},
                                   Document{"configuration.json", plain<configurationDocument>},
                                   Document{"overview.json", plain<overviewDocument>}};

std::string indexDocument() {
  Json json = document();
  Json names = Json::array({"session.json", "stream"});
  for (const Document& each : kDocuments) names.push_back(each.name);
  json["documents"] = std::move(names);
  return textOf(json);
}

AdminResponse jsonResponse(int status, std::string text) {
  return {status, kJson, std::move(text)};
}

AdminResponse refusal(int status, std::string_view why) {
  return jsonResponse(status, errorDocument(why));
}

AdminResponse wrongMethod(const char* allowed) {
  AdminResponse response = refusal(405, "The method is not for this path");
  response.headers.push_back(std::string("Allow: ") + allowed);
  return response;
}

bool isReading(const AdminRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

AdminResponse denied(const Door::Visitor& visitor, bool hasUsers) {
  if (visitor.entry == Door::Entry::WrongName)
    return refusal(421, "Without a login this page is read by localhost or an address, not by another name");
  return refusal(401, hasUsers ? "Log in" : "Only on loopback: set admin-users, or admin-open");
}

// What browsers send only for pages of this site. nullopt: it is all right.
std::optional<AdminResponse> objectionToPost(const AdminRequest& request) {
  if (request.method != "POST") return wrongMethod("POST");
  if (!Door::isSameOrigin(request)) return refusal(403, "The request comes from another site");
  if (!request.header("content-type").starts_with(kJson)) return refusal(415, "The body has to be JSON");
  return std::nullopt;
}

// An object, or nothing that can be used.
Json bodyOf(const AdminRequest& request) {
  Json json = Json::parse(request.body, nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::string textIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> numberIn(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::string eventText(const std::string& json) {
  return "event: overview\ndata: " + json + "\n\n";
}

Door::TimePoint now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

AdminResponse StatusSite::answer(const AdminRequest& request) {
  door_.setRules(sources_->config(), sources_->users());
  AdminResponse response = find(request);
  response.headers.insert(
      response.headers.end(),
      {"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
       "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
       "require-trusted-types-for 'script'",
       "X-Frame-Options: DENY", "Referrer-Policy: no-referrer", "Cross-Origin-Resource-Policy: same-origin",
       "Cross-Origin-Opener-Policy: same-origin"});
  return response;
}

std::string StatusSite::nextEvent() {
  return eventText(overviewDocument(*sources_));
}

AdminResponse StatusSite::find(const AdminRequest& request) {
  const auto* const asset = std::find_if(kAssets.begin(), kAssets.end(),
                                         [&](const Asset& each) { return each.path == request.path; });
  if (asset != kAssets.end()) {
    if (!isReading(request)) return wrongMethod("GET, HEAD");
    return {200, asset->contentType, std::string(asset->text)};
  }
  const std::string_view path = request.path;
  if (!path.starts_with(kApi))
    return {404, "text/plain; charset=utf-8", "Not found. Try /, /api/v1/, /metrics, /healthz or /readyz.\n"};
  if (path == "/api/v1/login") return login(request);
  if (path == "/api/v1/logout") return logout(request);
  if (path.starts_with(kActionPath)) return act(request, path.substr(kActionPath.size()));
  if (!isReading(request)) return wrongMethod("GET, HEAD");
  return read(request, path.substr(kApi.size()));
}

AdminResponse StatusSite::read(const AdminRequest& request, std::string_view name) {
  const Door::Visitor visitor = door_.look(request, now());
  if (name == "session.json")
    return jsonResponse(200, sessionDocument(visitor, door_.hasUsers(), sources_->config()->adminActions));
  if (!visitor.reads()) return denied(visitor, door_.hasUsers());
  if (name.empty()) return jsonResponse(200, indexDocument());
  if (name == "stream") return {200, "text/event-stream", "retry: 2000\n\n" + nextEvent(), {}, true};
  const auto* const found = std::find_if(kDocuments.begin(), kDocuments.end(),
                                         [&](const Document& each) { return each.name == name; });
  if (found == kDocuments.end()) return refusal(404, "There is no such document; /api/v1/ names all");
  return jsonResponse(200, found->make(*sources_, request));
}

AdminResponse StatusSite::login(const AdminRequest& request) {
  if (auto objection = objectionToPost(request)) return std::move(*objection);
  const Json body = bodyOf(request);
  const std::string user = textIn(body, "user");
  const Door::Login login = door_.login(request, user, textIn(body, "password"), now());
  if (login.retryAfter.count() > 0) {
    const std::string seconds = std::to_string(login.retryAfter.count());
    AdminResponse response = refusal(429, "Too many failed logins: wait " + seconds + " s");
    response.headers.push_back("Retry-After: " + seconds);
    return response;
  }
  if (login.cookie.empty()) {
    log::warn("login to the status page refused", {{"peer", request.peer}});
    return refusal(401, "Wrong name or password");
  }
  log::info("login to the status page", {{"user", user}, {"peer", request.peer}});
  AdminResponse response = jsonResponse(200, textOf({{"user", user}}));
  response.headers.push_back(login.cookie);
  return response;
}

AdminResponse StatusSite::logout(const AdminRequest& request) {
  if (auto objection = objectionToPost(request)) return std::move(*objection);
  AdminResponse response = jsonResponse(200, textOf({{"user", nullptr}}));
  response.headers.push_back(door_.logout(request));
  return response;
}

AdminResponse StatusSite::act(const AdminRequest& request, std::string_view name) {
  if (auto objection = objectionToPost(request)) return std::move(*objection);
  if (!sources_->config()->adminActions) return refusal(403, "Actions are off (admin-actions)");
  const Door::Visitor visitor = door_.look(request, now());
  if (visitor.entry != Door::Entry::User) return refusal(401, "Log in");
  if (request.header("x-csrf-token") != visitor.token) return refusal(403, "The token is missing or wrong");
  const std::string who = visitor.user + " at " + request.peer;
  const Outcome outcome = perform(*sources_, name, numberIn(bodyOf(request), "argument"), who);
  log::warn("action on the status page",
            {{"action", name}, {"by", who}, {"status", outcome.status}, {"outcome", outcome.text}});
  if (outcome.status != 200) return refusal(outcome.status, outcome.text);
  return jsonResponse(200, textOf({{"done", outcome.text}}));
}

}  // namespace slotless::page
