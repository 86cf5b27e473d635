{{/* Names, labels, images and security contexts: what the templates of all parts have in common. */}}

{{- define "nightjar.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The first part of the name of every object: the release's name, if it says nightjar; at most 40 characters. */}}
{{- define "nightjar.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "nightjar.name" .) .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "nightjar.name" .) | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* Labels that never change, to select by: (dict "root" $ "component" "scheduler"). */}}
{{- define "nightjar.selectorLabels" -}}
app.kubernetes.io/name: {{ include "nightjar.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of every object: (dict "root" $ "component" "scheduler"). */}}
{{- define "nightjar.labels" -}}
{{ include "nightjar.selectorLabels" . }}
app.kubernetes.io/part-of: nightjar
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | quote }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The reference of one of our own images: (dict "root" $ "image" "airflow"), or "trial". */}}
{{- define "nightjar.image" -}}
{{- $image := get .root.Values.images .image -}}
{{- $name := printf "%s/%s" (include "nightjar.registry" .root) $image.name -}}
{{- $tag := default (include "nightjar.tag" .root) $image.tag -}}
{{- if $image.digest -}}
{{ printf "%s:%s@%s" $name $tag $image.digest }}
{{- else -}}
{{ printf "%s:%s" $name $tag }}
{{- end -}}
{{- end }}

{{- define "nightjar.registry" -}}
{{ required "images.registry is needed: the registry, with its folder, that `make images` pushed to, such as registry.example.com/nightjar" .Values.images.registry }}
{{- end }}

{{- define "nightjar.tag" -}}
{{ default .Chart.AppVersion .Values.images.tag }}
{{- end }}

{{/* imagePullSecrets of a pod or a service account, if there are any. */}}
{{- define "nightjar.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The namespace of the stages' pods. */}}
{{- define "nightjar.stagesNamespace" -}}
{{ .Values.stages.namespace }}
{{- end }}

{{/* The service account of Airflow's pods, in the release's namespace; it alone may start pods of stages. */}}
{{- define "nightjar.airflowServiceAccount" -}}
{{ default (printf "%s-airflow" (include "nightjar.fullname" .)) .Values.airflow.serviceAccount.name }}
{{- end }}

{{/* The security context of Airflow's pods: the restricted level. */}}
{{- define "nightjar.podSecurityContext" -}}
{{ toYaml .Values.airflow.podSecurityContext }}
{{- end }}

{{/* The security context of a container of Airflow's pods: the restricted level, and a read-only root besides. */}}
{{- define "nightjar.containerSecurityContext" -}}
{{ toYaml .Values.airflow.containerSecurityContext }}
{{- end }}
