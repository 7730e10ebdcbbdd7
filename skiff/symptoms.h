// One or a few words for what keeps an object from what it is for, by the object itself; "" where
// nothing does. Objects of one kind and word suffer alike. Pure.
//
// What its pods suffer from is said of them, not of what makes them; and what was only begun is not
// wrong yet.
#pragma once

#include <string>

#include "api/gen/apiextensions_v1.h"
#include "api/gen/apiregistration_v1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/batch_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"
#include "base/clock.h"

namespace skiff {

// Younger objects, and conditions that have changed since, are on their way.
inline constexpr Duration kSymptomPatience = 30s;

std::string SymptomOf(const core_v1::Namespace& object, TimePoint now);
std::string SymptomOf(const core_v1::PersistentVolume& volume, TimePoint now);
std::string SymptomOf(const core_v1::ReplicationController& controller, TimePoint now);
// A load balancer without an address.
std::string SymptomOf(const core_v1::Service& service, TimePoint now);
std::string SymptomOf(const apps_v1::Deployment& deployment, TimePoint now);
// One that no Deployment has: of others the Deployment tells.
std::string SymptomOf(const apps_v1::ReplicaSet& set, TimePoint now);
std::string SymptomOf(const batch_v1::CronJob& cron_job, TimePoint now);
std::string SymptomOf(const batch_v1::Job& job, TimePoint now);
std::string SymptomOf(const autoscaling_v2::HorizontalPodAutoscaler& autoscaler, TimePoint now);
std::string SymptomOf(const policy_v1::PodDisruptionBudget& budget, TimePoint now);
std::string SymptomOf(const certificates_v1::CertificateSigningRequest& request, TimePoint now);
std::string SymptomOf(const apiregistration_v1::APIService& service, TimePoint now);
std::string SymptomOf(const apiextensions_v1::CustomResourceDefinition& definition, TimePoint now);

// Whether it has fewer pods than it is to have, so that what an Event says refused one still does.
bool LacksPods(const apps_v1::StatefulSet& set);
bool LacksPods(const apps_v1::DaemonSet& set);
bool LacksPods(const batch_v1::Job& job);
// "refused by resource quota small", of what the server said when it refused a pod.
std::string RefusalSymptom(const std::string& message);

}  // namespace skiff
