#include "proxy/net/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace slotless::net {

namespace {

Resolution resolutionOf(const addrinfo* first) {
  Resolution resolution;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
      char text[NI_MAXHOST];
      if (entry->ai_family != family || getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof(text),
                                                    nullptr, 0, NI_NUMERICHOST) != 0) {
        continue;
      }
      if (std::find(resolution.addresses.begin(), resolution.addresses.end(), text) ==
          resolution.addresses.end()) {
        resolution.addresses.emplace_back(text);
      }
    }
  }
  return resolution;
}

Resolution lookUpBySystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) return {{}, gai_strerror(status)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  return resolutionOf(found);
}

// Signals are for the thread that waits for them.
void beginResolverThread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "resolver");
}

}  // namespace

struct Resolver::State {
  struct Name {
    bool underWay = false;
    std::map<std::uint64_t, Callback> asking;  // in the order of asking
  };

  LookUp lookUp;
  std::mutex mutex;
  bool gone = false;
  int threads = 0;
  std::uint64_t lastId = 0;
  std::deque<std::string> queue;      // to be looked up
  std::map<std::string, Name> names;  // queued or under way
};

Resolver::Question& Resolver::Question::operator=(Question&& other) noexcept {
  if (this == &other) return *this;
  takeBack();
  state_ = std::exchange(other.state_, {});
  host_ = std::move(other.host_);
  id_ = other.id_;
  return *this;
}

void Resolver::Question::takeBack() {
  const auto state = std::exchange(state_, {}).lock();
  if (state == nullptr) return;
  Callback callback;  // destroyed when the lock is free again
  const std::lock_guard guard(state->mutex);
  const auto name = state->names.find(host_);
  if (name == state->names.end()) return;
  const auto asked = name->second.asking.find(id_);
  if (asked == name->second.asking.end()) return;
  callback = std::move(asked->second);
  name->second.asking.erase(asked);
  if (!name->second.asking.empty() || name->second.underWay) return;
  std::erase(state->queue, host_);
  state->names.erase(name);
}

Resolver::Resolver(LookUp lookUp) : state_(std::make_shared<State>()) {
  state_->lookUp = std::move(lookUp);
}

Resolver::~Resolver() {
  const std::lock_guard guard(state_->mutex);
  state_->gone = true;
  state_->queue.clear();
  state_->names.clear();
}

Resolver& Resolver::ofProcess() {
  static auto* const kInstance = new Resolver(lookUpBySystem);
  return *kInstance;
}

Resolver::Question Resolver::resolve(const std::string& host, Callback callback) {
  Question question;
  question.state_ = state_;
  question.host_ = host;
  {
    const std::lock_guard guard(state_->mutex);
    question.id_ = ++state_->lastId;
    const auto [name, isNew] = state_->names.try_emplace(host);
    name->second.asking.emplace(question.id_, std::move(callback));
    if (!isNew) return question;
    state_->queue.push_back(host);
    if (state_->threads == kThreads) return question;
    ++state_->threads;
  }
  try {
    std::thread([state = state_] {
      beginResolverThread();
      work(state);
    }).detach();
  } catch (const std::system_error& failure) {
    const std::lock_guard guard(state_->mutex);
    if (--state_->threads > 0) return question;  // one of the others takes it
    std::erase(state_->queue, host);
    const auto refused = state_->names.extract(host);
    if (refused.empty()) return question;
    for (const auto& [id, each] : refused.mapped().asking) each({{}, failure.what()});
  }
  return question;
}

Resolution Resolver::await(const std::string& host, Millis patience) {
  if (isNumericHost(host)) return {{host}, {}};
  const auto answer = std::make_shared<std::promise<Resolution>>();
  auto answered = answer->get_future();
  const Question question =
      resolve(host, [answer](const Resolution& resolution) { answer->set_value(resolution); });
  if (answered.wait_for(patience) != std::future_status::ready) return {{}, kNoAnswerInTime};
  return answered.get();
}

void Resolver::work(const std::shared_ptr<State>& state) {
  std::unique_lock guard(state->mutex);
  while (!state->queue.empty()) {
    const std::string host = std::move(state->queue.front());
    state->queue.pop_front();
    state->names[host].underWay = true;
    guard.unlock();
    const Resolution resolution = state->lookUp(host);
    guard.lock();
    if (state->gone) break;
    const auto name = state->names.extract(host);
    // Under the lock: the resolver, and with it who asks, is there until all have been told.
    for (const auto& [id, each] : name.mapped().asking) each(resolution);
  }
  --state->threads;
}

}  // namespace slotless::net
