// A module for redis-server whose cursors of SCAN have 64 bits, as those of some managed services: the
// server's own, with the uppermost bit set. It takes SCAN's place, in scripts as well.
//
// The few functions of the module API that it needs are declared here, as the API's reference describes them;
// the server gives their addresses at load time. Source: redis.io/docs/reference/modules/modules-api-ref.
#include <strings.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Context;  // begins with the function that gives the others' addresses
struct String;
struct CallReply;
struct Filter;
struct FilterContext;

using Handler = int (*)(Context*, String**, int);
using GetApi = int (*)(const char* name, void* pointer);

constexpr int kOk = 0;
constexpr int kError = 1;
constexpr int kApiVersion = 1;
constexpr int kNotByItself = 1;  // a filter that the module's own calls do not pass
constexpr std::uint64_t kUppermost = std::uint64_t{1} << 63U;
constexpr const char* kName = "long.scan";

void (*setModuleAttribs)(Context*, const char* name, int version, int apiVersion);
int (*createCommand)(Context*, const char* name, Handler, const char* flags, int first, int last, int step);
Filter* (*registerFilter)(Context*, void (*)(FilterContext*), int flags);
const String* (*filterArgument)(FilterContext*, int position);
int (*replaceArgument)(FilterContext*, int position, String*);
String* (*createString)(Context*, const char*, std::size_t);
const char* (*stringPtrLen)(const String*, std::size_t*);
CallReply* (*call)(Context*, const char* command, const char* format, ...);
CallReply* (*element)(CallReply*, std::size_t);
const char* (*replyText)(CallReply*, std::size_t*);
void (*freeCallReply)(CallReply*);
int (*wrongArity)(Context*);
int (*replyWithArray)(Context*, long);
int (*replyWithText)(Context*, const char*, std::size_t);
int (*replyWithCallReply)(Context*, CallReply*);
int (*replyWithError)(Context*, const char*);

std::uint64_t numberIn(const char* text, std::size_t size) {
  return std::strtoull(std::string(text, size).c_str(), nullptr, 10);
}

int scan(Context* context, String** argv, int argc) {
  if (argc < 2) return wrongArity(context);
  std::size_t size = 0;
  const char* said = stringPtrLen(argv[1], &size);
  const std::string cursor = std::to_string(numberIn(said, size) & ~kUppermost);
  CallReply* page = call(context, "SCAN", "cv", cursor.c_str(), argv + 2, static_cast<std::size_t>(argc - 2));
  CallReply* next = page == nullptr ? nullptr : element(page, 0);
  if (next == nullptr) {
    if (page == nullptr) return replyWithError(context, "ERR the inner call is impossible here");
    replyWithCallReply(context, page);
  } else {
    const char* text = replyText(next, &size);
    const std::uint64_t number = numberIn(text, size);
    const std::string told = std::to_string(number == 0 ? 0 : number | kUppermost);
    replyWithArray(context, 2);
    replyWithText(context, told.data(), told.size());
    replyWithCallReply(context, element(page, 1));
  }
  freeCallReply(page);
  return kOk;
}

void takeItsPlace(FilterContext* filter) {
  std::size_t size = 0;
  const char* name = stringPtrLen(filterArgument(filter, 0), &size);
  if (size != 4 || strncasecmp(name, "scan", 4) != 0) return;
  replaceArgument(filter, 0, createString(nullptr, kName, std::strlen(kName)));
}

}  // namespace

extern "C" int RedisModule_OnLoad(Context* context, String**, int) {
  GetApi getApi = nullptr;
  std::memcpy(&getApi, context, sizeof getApi);
  bool found = true;
  const auto bind = [&](const char* name, auto& function) {
    found = getApi(name, static_cast<void*>(&function)) == kOk && found;
  };
  bind("RedisModule_SetModuleAttribs", setModuleAttribs);
  bind("RedisModule_CreateCommand", createCommand);
  bind("RedisModule_RegisterCommandFilter", registerFilter);
  bind("RedisModule_CommandFilterArgGet", filterArgument);
  bind("RedisModule_CommandFilterArgReplace", replaceArgument);
  bind("RedisModule_CreateString", createString);
  bind("RedisModule_StringPtrLen", stringPtrLen);
  bind("RedisModule_Call", call);
  bind("RedisModule_CallReplyArrayElement", element);
  bind("RedisModule_CallReplyStringPtr", replyText);
  bind("RedisModule_FreeCallReply", freeCallReply);
  bind("RedisModule_WrongArity", wrongArity);
  bind("RedisModule_ReplyWithArray", replyWithArray);
  bind("RedisModule_ReplyWithStringBuffer", replyWithText);
  bind("RedisModule_ReplyWithCallReply", replyWithCallReply);
  bind("RedisModule_ReplyWithError", replyWithError);
  if (!found) return kError;
  setModuleAttribs(context, "long", 1, kApiVersion);
  if (createCommand(context, kName, scan, "readonly", 0, 0, 0) != kOk) return kError;
  return registerFilter(context, takeItsPlace, kNotByItself) != nullptr ? kOk : kError;
}
