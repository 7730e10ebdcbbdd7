package main

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/conversion"
)

const group = "sites.skiff.example"

// Site is stored as v2, and what the operator works with.
type Site struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              SiteSpec   `json:"spec"`
	Status            SiteStatus `json:"status,omitempty"`
}

type SiteSpec struct {
	Replicas *int32   `json:"replicas,omitempty"`
	Server   Server   `json:"server"`
	Hosts    []string `json:"hosts,omitempty"`
}

type Server struct {
	Image string `json:"image"`
}

type SiteStatus struct {
	Ready              int32              `json:"ready"`
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Selector           string             `json:"selector,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

type SiteList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Site `json:"items"`
}

// SiteV1 is what it was before: an image, a size, one host.
type SiteV1 struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              SiteV1Spec `json:"spec"`
	Status            SiteStatus `json:"status,omitempty"`
}

type SiteV1Spec struct {
	Size  *int32 `json:"size,omitempty"`
	Image string `json:"image"`
	Host  string `json:"host,omitempty"`
}

// copyOf: these objects are small, and a copy by JSON needs no generated code.
func copyOf[T any](in *T) *T {
	out := new(T)
	data, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

func (s *Site) DeepCopyObject() runtime.Object     { return copyOf(s) }
func (s *SiteList) DeepCopyObject() runtime.Object { return copyOf(s) }
func (s *SiteV1) DeepCopyObject() runtime.Object   { return copyOf(s) }

func (*Site) Hub() {}

func (s *SiteV1) ConvertTo(to conversion.Hub) error {
	site, ok := to.(*Site)
	if !ok {
		return fmt.Errorf("%T is no Site", to)
	}
	site.ObjectMeta = s.ObjectMeta
	site.Spec = SiteSpec{Replicas: s.Spec.Size, Server: Server{Image: s.Spec.Image}}
	if s.Spec.Host != "" {
		site.Spec.Hosts = []string{s.Spec.Host}
	}
	site.Status = s.Status
	return nil
}

func (s *SiteV1) ConvertFrom(from conversion.Hub) error {
	site, ok := from.(*Site)
	if !ok {
		return fmt.Errorf("%T is no Site", from)
	}
	s.ObjectMeta = site.ObjectMeta
	s.Spec = SiteV1Spec{Size: site.Spec.Replicas, Image: site.Spec.Server.Image}
	if len(site.Spec.Hosts) > 0 {
		s.Spec.Host = site.Spec.Hosts[0]
	}
	s.Status = site.Status
	return nil
}

func addSites(scheme *runtime.Scheme) {
	v1 := schema.GroupVersion{Group: group, Version: "v1"}
	v2 := schema.GroupVersion{Group: group, Version: "v2"}
	scheme.AddKnownTypeWithName(v1.WithKind("Site"), &SiteV1{})
	scheme.AddKnownTypeWithName(v2.WithKind("Site"), &Site{})
	scheme.AddKnownTypeWithName(v2.WithKind("SiteList"), &SiteList{})
	metav1.AddToGroupVersion(scheme, v1)
	metav1.AddToGroupVersion(scheme, v2)
}
