#include "apiserver/server/component_statuses.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>

#include "api/codec/struct_text.h"
#include "api/gen/core_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "client/fetch.h"
#include "http/tls.h"

namespace skiff {
namespace {

constexpr size_t kAnswerBytesMax = 10 << 10;  // As kube-apiserver's probes read at most.
constexpr std::chrono::seconds kPatience{20};

// As a condition has it.
struct Health {
  bool is_well = true;
  std::string message = "ok";
  std::string error = {};
};

Health StoreHealth(Store& store) {
  const auto answer = store.Get(KeyOf(core_v1::Namespace::Info(), "", "default"));
  if (answer || answer.error().reason == Reason::kNotFound) return {};
  return {.is_well = false, .message = "", .error = answer.error().message};
}

// What a program of this machine says at its port. Who it is by its certificate is not asked.
class Question {
 public:
  Question(int port, http::Loops& loops)
      : url_(fmt::format("https://127.0.0.1:{}/healthz", port)),
        tls_(http::MakeClientContext({.insecure = true})),
        fetch_(std::make_shared<Fetch>(kAnswerBytesMax, [] {})),
        end_(std::chrono::steady_clock::now() + kPatience) {
    if (!tls_) return;
    fetch_->Start(loops,
                  {.host = "127.0.0.1", .port = port, .tls = *tls_, .head_timeout = kPatience},
                  {.target = "/healthz"});
  }
  ~Question() { fetch_->Cancel(); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  Health Await() {
    if (!tls_) return {.is_well = false, .message = tls_.error().message};
    const auto answer = fetch_->Wait(end_);
    if (!answer) {
      return {.is_well = false,
              .message = fmt::format("Get \"{}\": {}", url_, answer.error().message)};
    }
    if (answer->status >= 200 && answer->status < 400) return {.message = answer->body};
    return {.is_well = false,
            .message = fmt::format("HTTP probe failed with statuscode: {}", answer->status)};
  }

 private:
  const std::string url_;
  const Result<http::TlsContext> tls_;
  const FetchPtr fetch_;
  const Fetch::Deadline end_;
};

std::string TextOf(std::string_view name, Health health) {
  core_v1::ComponentStatus status;
  status.metadata.name = name;
  core_v1::ComponentCondition& condition = status.conditions.emplace_back();
  condition.type = "Healthy";
  condition.status = health.is_well ? "True" : "False";
  condition.message = std::move(health.message);
  condition.error = std::move(health.error);
  std::string text;
  AppendStruct(core_v1::ComponentStatus::Describe(), &status, text);
  return text;
}

struct Component {
  std::string_view name;
  int port;  // 0: the store.
};
constexpr Component kComponents[] = {
    {"scheduler", 10259}, {"controller-manager", 10257}, {"etcd-0", 0}};

// Asked when it is made.
class Look {
 public:
  Look(const Component& component, http::Loops* loops, bool within) : component_(component) {
    if (component.port == 0 || within) return;
    if (loops != nullptr) {
      question_ = std::make_unique<Question>(component.port, *loops);
    } else {
      health_ = {.is_well = false, .message = "nothing is connected to"};
    }
  }
  std::string Text(Store& store) {
    if (component_.port == 0) return TextOf(component_.name, StoreHealth(store));
    return TextOf(component_.name, question_ ? question_->Await() : health_);
  }

 private:
  const Component& component_;
  std::unique_ptr<Question> question_;
  Health health_;
};

}  // namespace

bool IsComponentStatus(const KindInfo& kind) {
  return kind.type == &core_v1::ComponentStatus::Describe();
}

std::vector<std::string> ComponentStatuses::Texts(
    const std::function<bool(std::string_view name)>& is_selected) const {
  std::vector<Look> looks;
  for (const Component& component : kComponents) {
    if (is_selected(component.name)) looks.emplace_back(component, loops_, within_);
  }
  std::vector<std::string> texts;
  for (Look& look : looks) texts.push_back(look.Text(store_));
  return texts;
}

Result<std::string> ComponentStatuses::Text(const std::string& name) const {
  for (const Component& component : kComponents) {
    if (component.name == name) return Look(component, loops_, within_).Text(store_);
  }
  // kube-apiserver names it in the singular here.
  return Fail(NotFoundError({"", "componentstatus"}, name));
}

}  // namespace skiff
