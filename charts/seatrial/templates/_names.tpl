{{/* The chart's name, as a label's value. */}}
{{- define "seatrial.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the release's objects: short enough for the suffix of the metrics Service, whose limit is 63. */}}
{{- define "seatrial.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 55 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 55 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 55 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of cluster-wide objects: two releases in two namespaces must not share one. */}}
{{- define "seatrial.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "seatrial.fullname" .) }}
{{- end }}

{{- define "seatrial.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "seatrial.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the service account that exists, or set serviceAccount.create=true" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "seatrial.selectorLabels" -}}
app.kubernetes.io/name: {{ include "seatrial.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "seatrial.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "seatrial.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The image of the operator and of its load workers. */}}
{{- define "seatrial.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The image of an engine's load workers: give the root, and the engine's repository, tag and digest. */}}
{{- define "seatrial.engineImage" -}}
{{- $root := index . 0 }}
{{- if index . 3 }}
{{- printf "%s@%s" (index . 1) (index . 3) }}
{{- else }}
{{- printf "%s:%s" (index . 1) (coalesce (index . 2) $root.Values.image.tag $root.Chart.AppVersion) }}
{{- end }}
{{- end }}
