#include "apiserver/audit/audit.h"

#include <algorithm>
#include <utility>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/text/yaml.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/request/answer_stream.h"
#include "apiserver/request/followed_stream.h"
#include "apiserver/request/media.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/respond.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr const char* kTruncated = "audit.k8s.io/truncated";
// The text of an object is looked through, copied and kept until it is written.
constexpr size_t kToldBytesMax = 4 << 20;

// An enveloped object as JSON text; "" when nobody knows its kind.
std::string TextOfProtobuf(std::string_view bytes, const KindSet& kinds) {
  const auto envelope = OpenEnvelope(bytes);
  if (!envelope) return "";
  const TypeMeta& meta = envelope->type;
  const KindInfo* const kind = kinds.FindKind(meta.api_version, meta.kind);
  if (kind == nullptr || kind->type == nullptr) return "";
  auto document = DecodeProtobuf(*kind->type, envelope->raw);
  if (!document) return "";
  (*document)["kind"] = meta.kind;
  (*document)["apiVersion"] = meta.api_version;
  return DumpJson(*document);
}

bool IsProtobuf(std::string_view bytes) {
  return bytes.starts_with(std::string_view("k8s\0", 4));
}

// The body of a request as JSON text; "" when it is none.
std::string TextOfBody(const ApiRequest& request) {
  const std::string& body = request.http.Body();
  if (body.size() > kToldBytesMax) return "";
  if (IsProtobuf(body)) return TextOfProtobuf(body, *request.served->kinds);
  const std::string media = BareMediaType(request.http.Header("Content-Type"));
  if (!media.ends_with("yaml")) return body;
  const auto yaml = ParseYaml(body);
  return yaml ? DumpJson(yaml->value) : "";
}

// What a body says of the object that the path does not.
void CompleteObject(std::string_view text, AuditEvent::ObjectRef& object) {
  const auto document = ParseJson(text);
  if (!document || !document->is_object()) return;
  const auto metadata = document->find("metadata");
  if (metadata == document->end() || !metadata->is_object()) return;
  const auto take = [&](const char* name, std::string& to) {
    const auto found = metadata->find(name);
    if (to.empty() && found != metadata->end() && found->is_string()) to = *found;
  };
  take("namespace", object.namespace_name);
  take("name", object.name);
  take("uid", object.uid);
  take("resourceVersion", object.resource_version);
}

// As kube-apiserver's --long-running-request-regexp has it.
bool IsLong(const RequestInfo& info) {
  static constexpr std::string_view kSubresources[] = {"attach", "exec", "proxy", "log",
                                                       "portforward"};
  return info.verb == "watch" || info.verb == "proxy" ||
         std::find(std::begin(kSubresources), std::end(kSubresources), info.subresource) !=
             std::end(kSubresources);
}

}  // namespace

// An answer that somebody else makes.
class ToldPending final : public http::PendingResponse {
 public:
  ToldPending(std::unique_ptr<http::PendingResponse> inner, ToldRequestPtr told)
      : told_(std::move(told)), inner_(std::move(inner)) {}
  void Start(http::Reply reply) override {
    inner_->Start([told = told_, reply = std::move(reply)](http::Response response) {
      told->event_.code = response.status;
      ToldRequest::FollowStream(told, response);
      reply(std::move(response));
    });
  }

 private:
  const ToldRequestPtr told_;
  const std::unique_ptr<http::PendingResponse> inner_;
};

ToldRequest::~ToldRequest() {
  if (over_) return;
  // It waited for its turn, and nobody served it.
  if (event_.code == 0) event_.code = 429;
  Tell(AuditStage::kResponseComplete);
}

void ToldRequest::Tell(AuditStage stage) {
  over_ = stage == AuditStage::kResponseComplete;
  if (decision_.Tells(stage)) audit_.Tell(event_, stage);
}

void ToldRequest::Finish(const std::shared_ptr<ToldRequest>& told, const ApiRequest& request,
                         Json status, http::Response& response) {
  told->event_.code = response.status;
  told->event_.status = std::move(status);
  told->TakeBodies(request, response);
  if (response.pending) {
    response.pending = std::make_unique<ToldPending>(std::move(response.pending), told);
    return;
  }
  FollowStream(told, response);
}

void ToldRequest::FollowStream(const std::shared_ptr<ToldRequest>& told, http::Response& response) {
  const bool is_stream = response.stream && AnswerStreamOf(response) == nullptr;
  if (!is_stream && !response.upgrade) return told->Tell(AuditStage::kResponseComplete);
  if (told->is_long_) told->Tell(AuditStage::kResponseStarted);
  if (response.upgrade) {
    response.upgrade = std::make_unique<FollowedDuplex>(std::move(response.upgrade), [told] {});
  } else {
    response.stream = std::make_unique<FollowedStream>(std::move(response.stream), [told] {});
  }
}

void ToldRequest::FinishUnauthenticated(const http::Request& request, Json status) {
  std::string methods;
  const auto add = [&](std::string_view method) {
    methods.append(methods.empty() ? "" : ", ").append(method);
  };
  if (request.peer_certificate || !request.peer_certificate_error.empty()) add("x509");
  const std::string_view header = request.Header("Authorization");
  if (header.starts_with("Bearer ")) add("bearer");
  if (header.starts_with("Basic ")) add("basic");
  event_.code = 401;
  event_.status = std::move(status);
  event_.status["message"] = methods.empty()
                                 ? std::string("Authentication failed, no credentials provided")
                                 : "Authentication failed, attempted: " + methods;
  Tell(AuditStage::kResponseStarted);
  over_ = true;
}

void ToldRequest::TakeBodies(const ApiRequest& request, const http::Response& response) {
  const auto decision = event_.annotations.find("authorization.k8s.io/decision");
  const bool was_looked_at = decision != event_.annotations.end() && decision->second == "allow";
  if (was_looked_at && request.info.is_resource) TakeRequest(request);
  if (decision_.level == AuditLevel::kRequestResponse && !event_.status.is_object()) {
    TakeResponse(request, response);
  }
}

void ToldRequest::TakeRequest(const ApiRequest& request) {
  // Only objects are shown: what else is posted may be a code to log in by.
  if (!request.info.is_resource) return;
  const bool is_passed_on = request.info.verb == "proxy" || request.info.subresource == "proxy";
  const bool writes = !request.info.IsReadOnly() && !is_passed_on;
  if (!writes || request.http.Body().empty()) return;
  const bool names_object = request.info.verb == "create" || request.info.verb == "update";
  if (!names_object && !shows_requests()) return;
  const std::string text = TextOfBody(request);
  if (names_object) CompleteObject(text, event_.object);
  if (!shows_requests()) return;
  event_.request = AuditObject(text, decision_.omits_managed_fields);
  if (event_.request.empty()) event_.annotations.emplace(kTruncated, "true");
}

void ToldRequest::TakeResponse(const ApiRequest& request, const http::Response& response) {
  if (!request.info.is_resource) return;
  const bool is_whole = !response.stream && !response.upgrade && !response.pending;
  std::string text;
  if (response.handed) {
    text = response.handed->Text();
  } else if (is_whole) {
    text = response.body;
    for (const http::SharedBytes& piece : response.pieces) text += *piece;
  }
  if (IsProtobuf(text)) text = TextOfProtobuf(text, *request.served->kinds);
  if (!text.empty() && text.size() <= kToldBytesMax) {
    event_.response = AuditObject(text, decision_.omits_managed_fields);
  }
  const bool is_longer = AnswerStreamOf(response) != nullptr || (is_whole && !text.empty()) ||
                         IsProtobuf(response.body);
  if (event_.response.empty() && is_longer) {
    event_.annotations.emplace(kTruncated, "true");
  }
}

Audit::Audit(AuditPolicy policy, std::unique_ptr<AuditLog> log, bool is_legacy, const Clock& clock,
             Random& random, MetricRegistry& metrics)
    : policy_(std::move(policy)),
      log_(std::move(log)),
      is_legacy_(is_legacy),
      clock_(clock),
      random_(random),
      events_(metrics.AddCounter(
          {"apiserver_audit_event_total", "[ALPHA] Events that the audit log was given.", {}})),
      levels_(metrics.AddCounter({"apiserver_audit_level_total",
                                  "[ALPHA] Requests by how much the audit policy wants told.",
                                  {"level"}})) {
  metrics.AddMeasured(
      {"apiserver_audit_error_total",
       "[ALPHA] Events that are lost, since there was no room or no disk for them.",
       {"plugin"}},
      [this] {
        return std::vector<Sample>{{{"log"}, static_cast<double>(log_->lost())}};
      },
      MetricRegistry::MeasuredType::kCounter);
}

void Audit::LogNotes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) Log("audit").Info("policy", {{"note", note}});
}

Result<std::unique_ptr<Audit>> Audit::Create(const AuditOptions& options, const Clock& clock,
                                             Random& random, MetricRegistry& metrics) {
  std::vector<std::string> notes;
  AuditPolicy policy = TRY(AuditPolicy::Load(options.policy_text, options.policy_file, notes));
  LogNotes(notes);
  auto log = TRY(AuditLog::Open(options.log, clock));
  return std::make_unique<Audit>(std::move(policy), std::move(log), options.is_legacy, clock,
                                 random, metrics);
}

bool Audit::AwaitRoom() {
  if (log_->HasRoom()) return true;
  if (!MayWait()) return false;
  log_->AwaitRoom();
  return true;
}

ToldRequestPtr Audit::Begin(const http::Request& request, const RequestInfo& info, const User& user,
                            const User* impersonated) {
  const AuditDecision decision = policy_.Decide(user, info);
  levels_.Add({NameOf(decision.level)});
  if (decision.level == AuditLevel::kNone) return nullptr;
  AuditEvent event = AuditEventOf(request, info);
  event.level = decision.level;
  event.id = request.Header("Audit-Id");
  if (event.id.empty() || event.id.size() > kAuditIdBytesMax) event.id = random_.Uid();
  event.user = user;
  if (impersonated != nullptr) event.impersonated = *impersonated;
  event.received = clock_.Now();
  auto told = std::make_shared<ToldRequest>(*this, std::move(event), decision, IsLong(info));
  if (!user.name.empty()) told->Tell(AuditStage::kRequestReceived);
  return told;
}

void Audit::Tell(const AuditEvent& event, AuditStage stage) {
  events_.Add({});
  const TimePoint now = clock_.Now();
  log_->Write(is_legacy_ ? LegacyAuditLine(event, stage, now) : AuditLine(event, stage, now));
}

}  // namespace skiff
