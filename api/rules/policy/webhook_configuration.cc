// What the schema cannot say about webhook configurations.
#include "api/gen/admissionregistration_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/policy/webhook_validation.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

constexpr int32_t kServicePort = 443;

template <typename Webhook>
void DefaultWebhook(Webhook& webhook) {
  Default(webhook.failure_policy, "Fail");
  Default(webhook.match_policy, "Equivalent");
  if (!webhook.namespace_selector) webhook.namespace_selector.emplace();
  if (!webhook.object_selector) webhook.object_selector.emplace();
  Default(webhook.timeout_seconds, 10);
  for (auto& rule : webhook.rules) Default(rule.scope, "*");
  if (webhook.client_config.service) Default(webhook.client_config.service->port, kServicePort);
}

void DefaultValidating(ValidatingWebhookConfiguration& object) {
  for (auto& webhook : object.webhooks) DefaultWebhook(webhook);
}

void DefaultMutating(MutatingWebhookConfiguration& object) {
  for (auto& webhook : object.webhooks) {
    DefaultWebhook(webhook);
    Default(webhook.reinvocation_policy, "Never");
  }
}

template <typename Configuration>
void Update(Configuration& object, const Configuration& old) {
  MoveGeneration(object, old, !(object.webhooks == old.webhooks));
}

template <typename Configuration>
void Validate(const Configuration& object, Violations& out) {
  ValidateWebhooks(object, nullptr, out);
}

template <typename Configuration>
void ValidateUpdate(const Configuration& object, const Configuration& old, Violations& out) {
  ValidateWebhooks(object, &old, out);
}

}  // namespace

constexpr RulesOf<ValidatingWebhookConfiguration> kTypedValidatingWebhookConfigurationRules = {
    .set_defaults = DefaultValidating,
    .prepare_create = PrepareCreate<ValidatingWebhookConfiguration>,
    .prepare_update = Update<ValidatingWebhookConfiguration>,
    .validate = Validate<ValidatingWebhookConfiguration>,
    .validate_update = ValidateUpdate<ValidatingWebhookConfiguration>,
    .allow_unconditional_update = false,
};
constinit const Rules kValidatingWebhookConfigurationRules =
    Erase<kTypedValidatingWebhookConfigurationRules>();

constexpr RulesOf<MutatingWebhookConfiguration> kTypedMutatingWebhookConfigurationRules = {
    .set_defaults = DefaultMutating,
    .prepare_create = PrepareCreate<MutatingWebhookConfiguration>,
    .prepare_update = Update<MutatingWebhookConfiguration>,
    .validate = Validate<MutatingWebhookConfiguration>,
    .validate_update = ValidateUpdate<MutatingWebhookConfiguration>,
    .allow_unconditional_update = false,
};
constinit const Rules kMutatingWebhookConfigurationRules =
    Erase<kTypedMutatingWebhookConfigurationRules>();

}  // namespace skiff
