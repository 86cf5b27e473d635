{{/* Every NIGHTJAR_* setting as a YAML mapping of texts, for the ConfigMap of Airflow's settings. */}}
{{- define "nightjar.environment" -}}
NIGHTJAR_BUCKET: {{ .Values.s3.bucket | quote }}
NIGHTJAR_NAMESPACE: {{ .Values.stages.namespace | quote }}
NIGHTJAR_S3_SECRET: {{ .Values.s3.secret | quote }}
NIGHTJAR_IMAGE_PULL_POLICY: {{ .Values.images.pullPolicy | quote }}
{{- with .Values.s3.endpoint }}
NIGHTJAR_S3_ENDPOINT: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* The pools of Airflow, each with its slots. */}}
{{- define "nightjar.pools" -}}
{}
{{- end }}
