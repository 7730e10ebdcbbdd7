// Validation of webhook configurations, and of the parts that admission policies share with them.
#pragma once

#include <string>
#include <vector>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

namespace admissionregistration_v1 {
struct MutatingWebhookConfiguration;
struct ValidatingWebhookConfiguration;
}  // namespace admissionregistration_v1

// `old` is nullptr on create.
void ValidateWebhooks(const admissionregistration_v1::ValidatingWebhookConfiguration& object,
                      const admissionregistration_v1::ValidatingWebhookConfiguration* old,
                      Violations& out);
void ValidateWebhooks(const admissionregistration_v1::MutatingWebhookConfiguration& object,
                      const admissionregistration_v1::MutatingWebhookConfiguration* old,
                      Violations& out);

// Groups, versions, resources and scope of a rule. `path` is the rule's.
void ValidateRuleTargets(const std::vector<std::string>& groups,
                         const std::vector<std::string>& versions,
                         const std::vector<std::string>& resources, const std::string* scope,
                         const FieldPath& path, Violations& out);
void ValidateRuleOperations(const std::vector<std::string>& operations, const FieldPath& path,
                            Violations& out);
// Where a webhook is called by URL or by service.
void ValidateWebhookUrl(const std::string& url, const FieldPath& path, Violations& out);
void ValidateWebhookServicePath(const std::string& service_path, const FieldPath& path,
                                Violations& out);

}  // namespace skiff
