#include "skiff/certificate_rotation.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "api/values.h"
#include "controllers/identity/certificate_rules.h"

namespace skiff {
namespace {

using certificates_v1::CertificateSigningRequest;

constexpr double kEarliest = 0.7;
constexpr double kLatest = 0.9;

}  // namespace

TimePoint RotationTime(const Validity& validity, double fraction) {
  const Duration life = validity.not_after - validity.not_before;
  const double part = kEarliest + (kLatest - kEarliest) * fraction;
  return validity.not_before + std::chrono::duration_cast<Duration>(life * part);
}

CertificateRotation::CertificateRotation(CertificateOffice office, Options options,
                                         const std::string& current, Take take)
    : office_(office), options_(std::move(options)), take_(std::move(take)) {
  Plan(current);
}

void CertificateRotation::Start(Executor& executor) {
  executor_ = &executor;
  executor.Add(*this);
}

void CertificateRotation::Stop() {
  if (executor_ == nullptr) return;
  executor_->Remove(*this);
  executor_ = nullptr;
  answers_.reset();
}

void CertificateRotation::Plan(const std::string& current) {
  const auto validity = ValidityOf(current);
  due_ = validity ? RotationTime(*validity, office_.random.Fraction()) : office_.clock.Now();
  ends_at_ = validity ? validity->not_after : TimePoint();
}

Duration CertificateRotation::Step() {
  const Duration now = office_.clock.Monotonic();
  if (request_.empty()) {
    const Duration left = due_ - office_.clock.Now();
    if (left > Duration(0)) retry_ = kRetry;
    const Duration wait = std::max(left, not_before_ - now);
    if (wait > Duration(0)) return std::min(wait, kLookAgain);
    not_before_ = now + kRetry;
    if (const auto asked = Ask(); !asked) return Failed(asked.error());
    asked_at_ = now;
  }
  const auto answer = answers_->informer().Get({"", request_});
  const Duration left = asked_at_ + kPatience - now;
  const bool is_answered = answer && IsAnswered(*answer);
  if (!is_answered && left > Duration(0)) return left;
  const std::string request = std::exchange(request_, "");
  answers_.reset();
  if (!is_answered) return Failed({Reason::kTimeout, "nobody answered request " + request});
  if (const auto taken = TakeAnswer(*answer); !taken) return Failed(taken.error());
  return Duration(0);
}

std::optional<TimePoint> CertificateRotation::ends() const {
  const TimePoint at = ends_at_;
  if (at == TimePoint()) return std::nullopt;
  return at;
}

Duration CertificateRotation::Failed(const Error& error) {
  ++failures_;
  log_.Error("certificate not renewed", {{"signer", options_.signer}, {"error", error.message}});
  const Duration wait = retry_;
  not_before_ = office_.clock.Monotonic() + wait;
  retry_ = std::min(retry_ * 2, kRetryMax);
  return wait;
}

Result<> CertificateRotation::Ask() {
  const SigningKeyPair key = TRY(NewSigningKey(KeyKind::kP256));
  const std::string pem = TRY(MakeCertificateRequest(key.private_pem, options_.order));
  const auto request = NodeRequestOf(options_.signer, pem);
  TRY(office_.client.Create(request));
  key_ = key.private_pem;
  request_ = request.metadata.name;
  ListOptions scope;
  scope.field_selector = "metadata.name=" + request_;
  answers_ = std::make_unique<Answers>(
      Reflector::Dependencies{office_.client, office_.clock, office_.random}, scope);
  answers_->informer().OnChange(
      [this](const auto&, const Ptr<CertificateSigningRequest>&) { Wake(); });
  answers_->Start(*executor_);
  return {};
}

Result<> CertificateRotation::TakeAnswer(const CertificateSigningRequest& answer) {
  const std::string certificate = TRY(AnswerOf(answer));
  TRY(take_({certificate, key_}));
  Plan(certificate);
  log_.Info("certificate signed", {{"signer", options_.signer}});
  const TimePoint now = office_.clock.Now();
  if (due_ > now) return {};
  // It is in use: no better one can be had for as long as the two clocks are so far apart.
  const auto validity = ValidityOf(certificate);
  return Fail(
      Reason::kInvalid,
      fmt::format("the one that was signed just now is to be renewed already: it ends at "
                  "{}, and this machine's clock says {}; set that of the two machines that "
                  "is wrong",
                  validity ? Time(validity->not_after).Rfc3339() : "no time", Time(now).Rfc3339()));
}

void AddCertificateMetrics(MetricRegistry& registry, const Clock& clock,
                           const CertificateRotation& as_client,
                           const CertificateRotation& as_server) {
  const auto add_life = [&](const char* name, const char* help,
                            const CertificateRotation& rotation) {
    registry.AddMeasured({name, help}, [&clock, &rotation] {
      const auto ends = rotation.ends();
      const double left = ends ? std::chrono::duration<double>(*ends - clock.Now()).count()
                               : std::numeric_limits<double>::infinity();
      return std::vector<Sample>{{{}, left}};
    });
  };
  add_life("kubelet_certificate_manager_client_ttl_seconds",
           "[ALPHA] For how long the client certificate is good; +Inf without one.", as_client);
  add_life("kubelet_certificate_manager_server_ttl_seconds",
           "[ALPHA] For how long the signed serving certificate is good; +Inf without one.",
           as_server);
  const auto add_failures = [&](const char* name, const char* help,
                                const CertificateRotation& rotation) {
    registry.AddMeasured(
        {name, help},
        [&rotation] {
          return std::vector<Sample>{{{}, static_cast<double>(rotation.failures())}};
        },
        MetricRegistry::MeasuredType::kCounter);
  };
  add_failures("kubelet_certificate_manager_client_expiration_renew_errors",
               "[ALPHA] How often the client certificate could not be renewed.", as_client);
  add_failures("kubelet_server_expiration_renew_errors",
               "[ALPHA] How often the serving certificate could not be renewed.", as_server);
}

}  // namespace skiff
