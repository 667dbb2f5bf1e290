#include "proxy/telemetry/admin_http.h"

#include <civetweb.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/telemetry/admin_response.h"
#include "proxy/telemetry/log.h"

namespace slotless::telemetry {

struct AdminHttp::State {
  AdminPages pages;
  sockaddr_storage address{};
  socklen_t addressSize = 0;
  std::string host;  // numeric, IPv6 in brackets
  std::uint16_t port = 0;
  mg_context* server = nullptr;

  // civetweb's own stop cuts off what is being written, so requests are counted and waited for.
  std::mutex requestsMutex;
  std::condition_variable requestsEnded;
  unsigned requestsRunning = 0;
  bool stopping = false;

  std::mutex messageMutex;
  std::string firstMessage;  // what civetweb complained of first while it started
};

namespace {

AdminResponse stoppingResponse() {
  return {503, "text/plain; charset=utf-8", "stopping\n"};
}

// One request that a stop waits for, unless the stop came first.
class RunningRequest {
 public:
  explicit RunningRequest(AdminHttp::State& state) : state_(state) {
    const std::lock_guard guard(state_.requestsMutex);
    admitted_ = !state_.stopping;
    ++state_.requestsRunning;
  }
  ~RunningRequest() {
    const std::lock_guard guard(state_.requestsMutex);
    --state_.requestsRunning;
    state_.requestsEnded.notify_all();
  }
  RunningRequest(const RunningRequest&) = delete;
  RunningRequest& operator=(const RunningRequest&) = delete;

  bool admitted() const noexcept { return admitted_; }

 private:
  AdminHttp::State& state_;
  bool admitted_;
};

// Answers every request by itself, so that nothing of civetweb's file server, CORS or CGI is ever reached.
int onRequest(mg_connection* connection) noexcept {
  const mg_request_info* request = mg_get_request_info(connection);
  auto& state = *static_cast<AdminHttp::State*>(request->user_data);
  const RunningRequest running(state);
  const std::string_view method = request->request_method;
  const char* path = request->local_uri;  // null for "OPTIONS *"
  const AdminResponse response =
      running.admitted() ? respondTo(state.pages, method, path == nullptr ? "*" : path) : stoppingResponse();
  const std::string text = httpText(response, method);
  mg_write(connection, text.data(), text.size());
  return response.status;  // positive: handled
}

int onMessage(const mg_connection* connection, const char* message) noexcept {
  log::debug("admin http", {{"message", message}});
  const mg_context* server = connection == nullptr ? nullptr : mg_get_context(connection);
  auto* state = server == nullptr ? nullptr : static_cast<AdminHttp::State*>(mg_get_user_data(server));
  if (state != nullptr) {
    const std::lock_guard guard(state->messageMutex);
    if (state->firstMessage.empty()) state->firstMessage = message;
  }
  return 1;  // handled: civetweb shall not write to stderr itself
}

// Fills in the first address of `host`; returns an error text. civetweb itself would take "80s" or "a,b" for
// more than an address, so it gets numeric ones only.
std::string resolve(const std::string& host, AdminHttp::State& state) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const bool hasIpv6 = mg_check_feature(MG_FEATURES_IPV6) != 0;  // Debian 12's civetweb has not
  if (host.empty()) {
    hints.ai_family = hasIpv6 ? AF_INET6 : AF_INET;
  } else if (!hasIpv6) {
    hints.ai_family = AF_INET;
  }
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), "0", &hints, &found); code != 0)
    return std::string(gai_strerror(code)) +
           (hasIpv6 ? "" : " (the civetweb library here was built without IPv6)");
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::array<char, NI_MAXHOST> numeric;
  if (const int code = getnameinfo(found->ai_addr, found->ai_addrlen, numeric.data(), numeric.size(), nullptr,
                                   0, NI_NUMERICHOST);
      code != 0)
    return gai_strerror(code);
  std::memcpy(&state.address, found->ai_addr, found->ai_addrlen);
  state.addressSize = found->ai_addrlen;
  state.host = found->ai_family == AF_INET6 ? "[" + std::string(numeric.data()) + "]" : numeric.data();
  return {};
}

void setPort(AdminHttp::State& state, std::uint16_t port) {
  state.port = port;
  if (state.address.ss_family == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(state.address).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in&>(state.address).sin_port = htons(port);
}

// Makes civetweb's accepting thread look up: it notices that it shall stop only when a connection comes or
// every two seconds.
void knock(const AdminHttp::State& state) {
  const int fd = socket(state.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  (void)connect(fd, reinterpret_cast<const sockaddr*>(&state.address), state.addressSize);
  close(fd);
}

// Threads inherit the mask: signals are for the thread that waits for them, never for civetweb's.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

AdminHttp::AdminHttp(std::unique_ptr<State> state) : state_(std::move(state)) {}

AdminHttp::Started AdminHttp::start(const std::string& host, std::uint16_t port, AdminPages pages) {
  auto state = std::make_unique<State>();
  state->pages = std::move(pages);
  const std::string wanted =
      (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  if (const std::string error = resolve(host, *state); !error.empty())
    return {nullptr, "admin HTTP: cannot resolve '" + wanted + "': " + error};

  // civetweb's "+" is one socket for IPv6 and IPv4.
  const bool dualStack = host.empty() && state->address.ss_family == AF_INET6;
  const std::array<std::pair<const char*, std::string>, 8> settings = {{
      {"listening_ports", (dualStack ? "+" : state->host + ":") + std::to_string(port)},
      {"num_threads", std::to_string(kAdminThreads)},
      {"max_request_size", std::to_string(kAdminMaxRequestBytes)},
      {"request_timeout_ms", std::to_string(kAdminRequestTimeoutMillis)},
      {"connection_queue", "16"},
      {"enable_keep_alive", "no"},  // a kept connection would hold a thread
      {"enable_directory_listing", "no"},
      {"enable_auth_domain_check", "no"},
  }};
  std::vector<const char*> options;
  for (const auto& [name, value] : settings) options.insert(options.end(), {name, value.c_str()});
  options.push_back(nullptr);
  mg_callbacks callbacks{};
  callbacks.begin_request = onRequest;
  callbacks.log_message = onMessage;
  {
    const BlockedSignals blocked;
    mg_init_library(MG_FEATURES_DEFAULT);
    state->server = mg_start(&callbacks, state.get(), options.data());
  }
  if (state->server == nullptr) {
    mg_exit_library();
    // The library has IPv6, but the system may have none.
    if (dualStack) return start("0.0.0.0", port, std::move(state->pages));
    const std::string detail = state->firstMessage.empty() ? "civetweb did not start" : state->firstMessage;
    return {nullptr, "admin HTTP: cannot listen on '" + wanted + "': " + detail};
  }
  mg_server_port bound{};
  mg_get_server_ports(state->server, 1, &bound);
  setPort(*state, static_cast<std::uint16_t>(bound.port));
  return {std::unique_ptr<AdminHttp>(new AdminHttp(std::move(state))), {}};
}

AdminHttp::~AdminHttp() {
  {
    std::unique_lock lock(state_->requestsMutex);
    state_->stopping = true;
    state_->requestsEnded.wait_for(lock, std::chrono::milliseconds(kAdminRequestTimeoutMillis),
                                   [this] { return state_->requestsRunning == 0; });
  }
  {
    const std::jthread knocker([this](const std::stop_token& stopped) {
      while (!stopped.stop_requested()) {
        knock(*state_);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
    mg_stop(state_->server);
  }
  mg_exit_library();
}

std::uint16_t AdminHttp::port() const noexcept {
  return state_->port;
}

std::string AdminHttp::address() const {
  return state_->host + ":" + std::to_string(state_->port);
}

}  // namespace slotless::telemetry
