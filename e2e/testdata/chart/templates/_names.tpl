{{- define "everything.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{/* The template of a pod: a list of the chart and the pod's part in it. */}}
{{- define "everything.pod" -}}
{{- $chart := index . 0 -}}
metadata:
  labels:
    {{- include "everything.labels" $chart | nindent 4 }}
    part: {{ index . 1 }}
  {{- with $chart.Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{/* Runs a command until it is told to end: a container's first process gets no signal that it does not handle. */}}
{{- define "everything.lasting" -}}
[sh, -c, {{ printf "trap 'exit 0' TERM; %s & wait" . | quote }}]
{{- end }}
